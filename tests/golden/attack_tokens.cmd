# Another tool's token log-probabilities; rows in any order, records in the order of their first row.
cat >tokens.csv <<'X'
record,label,unit,t,logp,entropy,sigma,rank,ref_logp
b,1,u,1,-2.5,2,1,3,-2.9
b,1,u,0,-0.5,1,0.5,0,-0.7
a,0,v,0,-1,1.5,0.7,1,-0.9
b,1,u,2,-3.25,1.75,1.25,9,-3
X
prime attack tokens tokens.csv
cut -d, -f1,2,4,5 tokens.csv | prime attack tokens - --attack min_k_20,loss
fails() { prime attack tokens "$@" - && echo "no failure: $*"; echo "exit $?"; }
cut -d, -f1,2,4,5 tokens.csv | fails --attack ez_mia
cut -d, -f1,2,4 tokens.csv | fails
printf 'record,label,t,logp\n' | fails
printf 'record,label,t,logp\na,1,0,-1\na,1,0,-2\n' | fails
printf 'record,label,t,logp\na,1,0,-1\na,0,1,-2\n' | fails
printf 'record,label,t,logp\na,2,0,-1\n' | fails
printf 'record,label,t,logp\na,1,0,0.5\n' | fails
printf 'record,label,t,logp\na,1,x,-1\n' | fails
printf 'record,label,t,logp\n,1,0,-1\n' | fails
printf 'record,label,t,logp,mu,entropy\na,1,0,-1,-2,2.5\n' | fails
printf 'record,label,t,logp,sigma\na,1,0,-1,-2\n' | fails
printf 'record,label,t,logp,mu\na,1,0,-1,0.5\n' | fails
fails --attack surp
rm *
