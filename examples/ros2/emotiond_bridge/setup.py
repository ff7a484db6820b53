from setuptools import setup

NAME = "emotiond_bridge"

setup(
    name=NAME,
    version="0.2.0",
    packages=[NAME],
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        (f"share/{NAME}/config", ["config/bridge.yaml"]),
    ],
    install_requires=["setuptools", "paho-mqtt"],
    license="Apache-2.0",
    entry_points={"console_scripts": [f"bridge = {NAME}.node:main"]},
)
