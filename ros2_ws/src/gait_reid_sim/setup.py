"""Installs the simulator of the gait re-identification suite."""

from setuptools import find_packages, setup

setup(
    name="gait_reid_sim",
    version="0.1.0",
    packages=find_packages(exclude=["test", "test.*"]),
    package_data={
        "gait_reid_sim": ["py.typed", "data/*.npz", "data/LICENSE*", "library/*.yaml"],
    },
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/gait_reid_sim"]),
        ("share/gait_reid_sim", ["package.xml"]),
    ],
    python_requires=">=3.10",
    zip_safe=False,
    maintainer="gait_reid maintainers",
    maintainer_email="maintainers@gait-reid.org",
    description="Simulates walking people and the LiDAR, camera and radar that see them.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": ["simulator_node = gait_reid_sim.nodes.simulator_node:main"],
        "gait_reid.commands": ["simulate = gait_reid_sim.cli.simulate:app"],
        "gait_reid.scenes": ["scene = gait_reid_sim.cli.scene_demo:show"],
    },
)
