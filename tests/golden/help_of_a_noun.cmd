# A noun alone lists its verbs.
prime adapter --help
prime model -h | head -1
prime stats help | head -1
