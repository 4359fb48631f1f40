"""The rooms of the demo: its material, its models, one pipeline a framework, figures, picture."""
