# A folder that cannot be made: nothing is left behind.
echo text >file
prime model train-tokenizer --vocab-size 256 --out file/t file
