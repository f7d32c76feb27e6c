"""Where every result lies and which files each rule reads: pure functions of the config."""
