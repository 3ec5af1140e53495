# What data brings to the page: the tables and the numbers behind the charts. Styles and scripts are the program's.
mkdir run && make_ledger run/ledger.db
printf 'metric,scope,limit,direction,method\nauc,worst,0.5,max,uniform\n' >gates.csv
prime report run --no-provenance -f html -g gates.csv
sed -n '/<header>/,/<footer>/p' run/report.html
[ "$(wc -c <run/report.html)" -lt 2000000 ] && echo "under 2 MB"
sed '/^!function/d' run/report.html | grep -qE '(src|href)=|@import|url\(' || echo "no address to load from"
