prime version now
