cat >runs.csv <<'END'
seed,utility,leak,note
1,-1,5,x
1,-2,3,y
1,-4,1,z
2,-1.5,4,x
2,-3,2,y
3,-2,6,x
3,-2.5,2.5,y
3,-5,0.5,z
3,-2.5,2.5,again
3,-5,0.5,worse
END
sed 's/utility/cost/;s/,-/,/' runs.csv >costs.csv
printf 'leak,cost,more\n0.5,1,7\n0.4,2,8\n' >best.csv
prime pareto eaf costs.csv --set seed
prime pareto eaf runs.csv --set seed --cols leak,utility --levels median --max utility
prime pareto knee costs.csv --set seed --cols cost,leak
prime pareto knee costs.csv --set seed --kind ideal
prime pareto front costs.csv --set seed --ties first
printf 'u,v\n1,2\n1,3\n2,1\n2,3\n' | prime pareto front - --ties weak
prime pareto crowding costs.csv --cols cost,leak
prime pareto crowding costs.csv --cols cost,leak --kind mean
prime pareto contrib costs.csv --cols cost,leak --ref 6,6
prime pareto contrib costs.csv --cols cost,leak --ref 6,6 --front-only
prime pareto indicator costs.csv --set seed
prime pareto indicator costs.csv --set seed --against 2 --name epsilon_add,epsilon_mult,gd,igd,igd_plus,avg_hausdorff
prime pareto indicator costs.csv --set seed --refset best.csv --name igd,r2 --ideal 0,0
prime pareto indicator costs.csv --set seed --name hv --ref 6,6
prime pareto front costs.csv --cols cost,leak --ref 6,6
prime pareto indicator runs.csv --cols utility,leak --max utility --set seed --name r2 --ideal 0,0
rm runs.csv costs.csv best.csv
