prime version --help
