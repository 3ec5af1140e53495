fails() { prime pareto "$@" && echo "no failure: $*"; echo "exit $?"; }
printf 'u,v\n1,2\nx,3\n' | fails hv -
printf 'u,v\n1,2\n' | fails hv --ref 4 -
printf 'u,v\n1,2\n' | fails hv --ref 4,x -
printf 'u,v\n1,2\n' | fails hv --max 3 -
printf 'u,v\n1,2\n' | fails hv --max 0 -
printf 'id\nabc\n' | fails front -
printf 'rank,v\n1,2\n' | fails rank -
{ echo "$(echo c{1..32} | tr ' ' ,)"; seq -s, 32; } | fails hv -
prime pareto hv - <<'END'
u,v
END
points() { printf 'set,u,v,note\na,1,2,x\na,2,1,y\nb,0,3,z\n'; }
points | fails front - --cols u,w
points | fails front - --cols u,set
points | fails front - --cols u,v,u
points | fails front - --cols u,note
points | fails front - --set seed
points | fails front - --ties some
points | fails indicator - --ref 3,3
points | fails front - --ref 3,3,3
points | fails front - --front-only
points | fails knee - --kind angle
points | fails crowding - --kind angle
points | fails eaf - --levels 3
points | fails eaf - --levels 0
points | fails eaf - --levels 1,most
points | fails eaf - --cols u
printf 'share,v\n1,2\n' | fails eaf -
points | fails indicator - --name igd,iqr
points | fails indicator - --name r2
points | fails indicator - --ideal 0,0
points | fails indicator - --name r2 --ideal 0
points | fails indicator - --name r2,hv --ideal 0,0 --against a
points | fails indicator - --name r2 --ideal 1,0
points | fails indicator - --name epsilon_mult
points | fails indicator - --against c
points | fails indicator - --against a --refset x.csv
points | fails indicator - --refset x.csv
printf 'u,w\n1,2\n' >x.csv
points | fails indicator - --refset x.csv
printf 'u,v\n' >x.csv
points | fails indicator - --refset x.csv
rm x.csv
for verb in front rank crowding contrib eaf knee indicator; do echo 'u,v' | prime pareto $verb -q -; done
