"""Rule packs: one YAML file each, versioned, with its sources."""
