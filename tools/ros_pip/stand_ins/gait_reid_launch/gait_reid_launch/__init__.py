"""Runs ROS 2 XML launch files where ROS 2's own ``launch`` is not installed.

The subset that is understood, and what each element and substitution means, is that of
``launch_xml`` and ``launch_ros`` in the Jazzy release; anything else is an error that says so.
"""
