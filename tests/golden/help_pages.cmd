# Man page and completion; test `help` reads all of them.
prime help --man version
prime help --completion bash | head -8
prime help version | head -2
prime help stats | sed -n 1,3p
prime help --man prime | sed -n '1,4p;$p'
prime help --man sweeep; echo "exit $?"
prime help nonsense; echo "exit $?"
prime help --completion fish; echo "exit $?"
prime help sweep plan; echo "exit $?"
prime help --help | head -6
