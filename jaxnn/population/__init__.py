"""Many runs as one compiled program: members that differ in numbers, data and widths."""
