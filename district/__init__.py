"""What people edit: devices, sites and areas; loaded with positions, findings and a compiled inventory."""
