"""Installs the run time of the gait re-identification suite."""

from setuptools import find_packages, setup

setup(
    name="gait_reid",
    version="0.1.0",
    packages=find_packages(exclude=["test", "test.*"]),
    package_data={"gait_reid": ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/gait_reid"]),
        ("share/gait_reid", ["package.xml"]),
    ],
    python_requires=">=3.10",
    zip_safe=False,
    maintainer="gait_reid maintainers",
    maintainer_email="maintainers@gait-reid.org",
    description="Recognises people by the way they walk, from LiDAR, camera and radar.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "gait-reid = gait_reid.cli.main:main",
            "camera_node = gait_reid.nodes.camera_node:main",
            "lidar_node = gait_reid.nodes.lidar_node:main",
            "radar_tracker_node = gait_reid.nodes.radar_tracker_node:main",
            "tracker_node = gait_reid.nodes.tracker_node:main",
            "reid_node = gait_reid.nodes.reid_node:main",
            "gallery_node = gait_reid.nodes.gallery_node:main",
            "visualizer_node = gait_reid.nodes.visualizer_node:main",
        ],
    },
)
