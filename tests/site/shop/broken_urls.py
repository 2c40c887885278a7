raise RuntimeError("the URL configuration is broken")
