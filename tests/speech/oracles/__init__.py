"""Networks written a second time, plainly and step by step from their papers, to hold the fast ones against."""
