prime data import --out d
prime data import --format lump --out d
prime data import --format lamp --out d
prime data import --format lamp --questions q.json --out d
prime data import --format lamp --questions q.json --task LaMP_44 --out d
prime data import --format lamp --questions q.json --task LaMP_4 --out d
prime data import --format lamp --questions q.json --task synth_tag --out d
prime data import --format lamp file.json --questions q.json --out d
prime data import --format perpcs --out d
prime data import --format csv --out d
prime data import --format csv a.csv --task LaMP_4 --out d
prime data import --format csv a.csv --task LaMP_4 --map user --out d
prime data import --format csv a.csv --task LaMP_4 --map user=a,output=b --out d
prime data import --format csv a.csv --task LaMP_4 --map user=a,output=b,input=c --out d
prime data import --format csv a.csv --task LaMP_7 --map user=a,output=b,input=c --out d
prime data import --format csv a.csv --task LaMP_4 --map user=a,output=b,input=c,past=d --out d
prime data import --format csv a.csv --task LaMP_4 --map user=a,output=b,input=c --by time --out d
prime data import --format csv a.csv --task LaMP_4 --map user=a,output=b,input=c,colour=d --out d
prime data import --format csv a.csv --task LaMP_4 --map user=a,output=b,input=c --history 0.9 --query 0.2 --out d
prime data import --format lamp --questions q.json --by size --out d
prime data split d
prime data split d --out d
prime data split d --out e --by colour
