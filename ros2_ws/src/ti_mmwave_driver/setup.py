"""Installs the radar driver, its command line tools and its profiles."""

from glob import glob

from setuptools import find_packages, setup

setup(
    name="ti_mmwave_driver",
    version="0.1.0",
    packages=find_packages(exclude=["test", "test.*"]),
    package_data={"ti_mmwave_driver": ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/ti_mmwave_driver"]),
        ("share/ti_mmwave_driver", ["package.xml"]),
        ("share/ti_mmwave_driver/config", sorted(glob("config/*.cfg"))),
    ],
    python_requires=">=3.10",
    install_requires=["numpy", "pyserial"],
    zip_safe=False,
    maintainer="gait_reid maintainers",
    maintainer_email="maintainers@gait-reid.org",
    description="Driver for Texas Instruments IWR6843 radars over UART.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "mmwave-decode = ti_mmwave_driver.cli.decode:main",
            "mmwave-config = ti_mmwave_driver.cli.config:main",
            "mmwave-emulator = ti_mmwave_driver.cli.emulator:main",
            "radar_node = ti_mmwave_driver.nodes.radar_node:main",
        ],
    },
)
