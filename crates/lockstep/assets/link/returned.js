// The vendor's window has done its part.
close()
