# Counts of what looks like personal data; the texts are not printed.
cat >texts.csv <<'X'
record,text
t1,"write to ann@example.org or call +44 20 7946 0958"
t2,"nothing, 12 of 34"
t3,"key 0123456789abcdef0123456789abcdef, host 192.0.2.17, card 4111 1111 1111 1111, b@c.example"
X
prime attack emissions texts.csv
prime attack emissions --show-text texts.csv
fails() { prime attack emissions - && echo "no failure"; echo "exit $?"; }
printf 'record\na\n' | fails
printf '' | fails
prime attack --help | head -n 1
rm texts.csv
