"""Read the model of a layer's people, groups, outputs and account from its files."""
