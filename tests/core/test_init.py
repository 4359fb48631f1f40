"""What the package offers is what a user gets, whatever else was imported before."""

import importlib
import pkgutil
from types import ModuleType

import automix_core


def test_no_module_hides_a_name_of_the_package():
    for module in pkgutil.walk_packages(automix_core.__path__, "automix_core."):
        if not module.name.rpartition(".")[2].startswith("_"):
            importlib.import_module(module.name)
    offered = {name: getattr(automix_core, name) for name in automix_core.__all__}
    assert [name for name, value in offered.items() if isinstance(value, ModuleType)] == []
