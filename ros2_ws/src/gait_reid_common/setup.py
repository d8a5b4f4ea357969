"""Installs what every package of the suite shares."""

from setuptools import find_packages, setup

setup(
    name="gait_reid_common",
    version="0.1.0",
    packages=find_packages(exclude=["test", "test.*"]),
    package_data={"gait_reid_common": ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/gait_reid_common"]),
        ("share/gait_reid_common", ["package.xml"]),
    ],
    python_requires=">=3.10",
    zip_safe=False,
    maintainer="gait_reid maintainers",
    maintainer_email="maintainers@gait-reid.org",
    description="Parameters, mailboxes, diagnostics, QoS and the lifecycle base node of the suite.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "gait-reid-clean-shm = gait_reid_common.shared_memory:main",
        ],
    },
)
