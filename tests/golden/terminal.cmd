# A terminal gets no control character that a name, an option, a message or an answer brings; a file gets bytes as
# they are.
evil=$(printf 'a\033]0;title\007\033[31m\302\233\342\200\256b')
for word in report "sweep --resume" "data info" "list"; do prime $word "$evil"; done 2>>errors >/dev/null
prime "$evil" 2>>errors
prime report --"$evil" x 2>>errors
LC_ALL=C grep -c "$(printf '[\001-\010\013-\037\177]')" errors
grep -c 'U+001B' errors
grep -c 'U+202E' errors
cp -r "$FIXTURES/tok/tiny" tok && chmod -R u+w tok && echo '[3, 2, 4]' >ids
# A hostile tokenizer: a piece that turns the screen red and the line round.
sed -i 's/"!": 2,/"\\u001b[31m\\u202e": 2,/' tok/tokenizer.json
prime model detokenize tok ids 2>/dev/null | od -An -tx1
script -qec "prime model detokenize tok ids 2>/dev/null" /dev/null | tr -d '\r'
