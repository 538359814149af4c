"""scikit-build-core, with the C sources of the repository copied to core/ first.

They stand beside this package in a checkout (../src) and inside it in an sdist (core/).
"""
import pathlib
import shutil

from scikit_build_core.build import *  # noqa: F401,F403
from scikit_build_core import build as backend

PACKAGE = pathlib.Path(__file__).resolve().parent.parent
SOURCE = PACKAGE.parent / "src"
ROOMS = ("base", "simd", "loss", "metrics")


def copy_core():
    if not SOURCE.is_dir():
        return  # an sdist
    for room in ROOMS:
        shutil.rmtree(PACKAGE / "core" / room, ignore_errors=True)
        shutil.copytree(SOURCE / room, PACKAGE / "core" / room)


def build_sdist(*arguments, **options):
    copy_core()
    return backend.build_sdist(*arguments, **options)


def build_wheel(*arguments, **options):
    copy_core()
    return backend.build_wheel(*arguments, **options)


def build_editable(*arguments, **options):
    copy_core()
    return backend.build_editable(*arguments, **options)
