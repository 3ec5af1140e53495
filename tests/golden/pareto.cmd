printf 'set,id,u,v\na,x,1,2\na,y,2,1\nb,z,0.5,3\na,w,2,2\nb,q,1,1\n' >points.csv
prime pareto hv points.csv --ref 4,4
prime pareto hv points.csv
prime pareto hv points.csv --max u --ref 0,4
prime pareto front points.csv
prime pareto front points.csv --max 1
prime pareto rank points.csv --max u,v
prime pareto contrib points.csv --ref 4,4
rm points.csv
