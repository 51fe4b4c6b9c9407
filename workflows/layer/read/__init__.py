"""From the files of a layer to the model of its people, groups, outputs and account."""
