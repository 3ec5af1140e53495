# Lines that are no ids, or no text.
for line in '[1, 300]' '[1, -1]' '[1.5]' '{"a": 1}' '[1' ''; do
    echo "$line" >ids
    prime model detokenize "$FIXTURES/tok/tiny" ids
    echo "exit $?"
done
echo '"a" "b"' | prime model tokenize --json-in "$FIXTURES/tok/tiny"
echo "exit $?"
echo '[1]' | prime model tokenize --json-in "$FIXTURES/tok/tiny"
echo "exit $?"
prime model tokenize missing
