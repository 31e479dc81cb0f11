STARTER = "x"
