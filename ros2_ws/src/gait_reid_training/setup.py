"""Installs training, evaluation and export of the gait recognition networks."""

from setuptools import find_packages, setup

setup(
    name="gait_reid_training",
    version="0.1.0",
    packages=find_packages(exclude=["test", "test.*"]),
    package_data={"gait_reid_training": ["py.typed", "configs/*.yaml", "assets/*.pt"]},
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/gait_reid_training"]),
        ("share/gait_reid_training", ["package.xml"]),
    ],
    python_requires=">=3.10",
    zip_safe=False,
    maintainer="gait_reid maintainers",
    maintainer_email="maintainers@gait-reid.org",
    description="Trains, evaluates and exports the gait recognition networks.",
    license="Apache-2.0",
    entry_points={
        "gait_reid.commands": [
            "train = gait_reid_training.cli.train:app",
            "eval = gait_reid_training.cli.evaluate:app",
            "dataset = gait_reid_training.cli.dataset:app",
            "train-towers = gait_reid_training.cli.train_towers:app",
            "export-model = gait_reid_training.cli.export:app",
        ],
    },
)
