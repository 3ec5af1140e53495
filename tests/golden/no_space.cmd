# A disk that is full: writes end after 1 KiB. One sentence, and no part of a file is left. What a folder's last file
# vouches for may be there; without it the folder does not load.
trap '' XFSZ
m=$FIXTURES/models/llama_gqa a=$FIXTURES/models/llama_gqa/adapters
prime data synth --users 2 --records 8 --out data -q
full() { (ulimit -f 1; prime "$@"; echo "exit $?"); }
full model logits $m --ids $GOLDEN/in/llama_gqa_ids.json --out o.st
full adapter merge $a/a1 $a/a2 --model $m --out merged
full model train-tokenizer --vocab-size 300 --out tok $FIXTURES/tok/tiny.txt
full data synth --users 20 --records 8 --out d -q
prime data info d
prime model tokenize tok </dev/null
prime adapter info merged
# A name that is taken by a folder.
mkdir taken
prime model logits $m --ids $GOLDEN/in/llama_gqa_ids.json --out taken; echo "exit $?"
rm -r data
