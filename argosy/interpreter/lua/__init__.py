"""Running scripts of customizations: Lua 5.1 in processes of its own, which may compute and nothing else."""
