"""How large a table file may be: numbers that keep the memory and time of reading any file bounded."""

LONGEST_FIELD = 100_000
"""Bytes allowed in one cell of text; a longer one is nearly always a quote that was never closed."""

MOST_COLUMNS = 50_000
"""Columns allowed: reading takes 6 kB a column, whatever is in it, and every step after it works column by column."""

MOST_CELLS = 2**27
"""Cells allowed: 1 GiB once they are numbers of 8 bytes; reading them as text of two columns takes 4 GiB."""

LARGEST_TEXT = 2**30
"""Bytes allowed in a file, and in what it holds once decompressed."""

FREE_SIZE = 2**26
"""Bytes to which anything may be decompressed: 64 MiB harm nobody, whatever the ratio."""

STEEPEST = 250
"""How many times its compressed size a larger content may have: tables reach 3 to 30, gzip of zeros 1,000."""

LARGEST_BOOK = 2**26
"""Bytes allowed in a text to learn from: its tokens, inputs and targets are 12 bytes each, 768 MiB in all."""
