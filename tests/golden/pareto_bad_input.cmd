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
