# JSON strings in and out carry newlines; --plain reads special tokens as text; the last line needs no newline.
printf '"merge\\nmerge <|pad|>"\n"\\u00e9"' >in
prime model tokenize --json-in "$FIXTURES/tok/tiny" in
prime model tokenize --json-in --plain "$FIXTURES/tok/tiny" in | prime model detokenize --json "$FIXTURES/tok/tiny"
echo '[117, 0, 5]' | prime model detokenize --json "$FIXTURES/tok/tiny"
