"""The methods of the literature, each a few lines that put parts together.

A preset is a function that returns a `Recipe`. Adding a method means adding one function to the
module of its kind, and its name to the table.
"""

from automix_core.presets.recipe_parts import Recipe
from automix_core.presets.table import names, parse, recipe, suited

__all__ = ["Recipe", "names", "parse", "recipe", "suited"]
