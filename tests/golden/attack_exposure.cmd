# Known answers of another program (fixtures/ref/attack/exposure.json), and two groups.
{
    echo record,role,loss
    for i in $(seq 16); do echo "r$i,reference,$i"; done
    printf '%s\n' a,secret,0 b,secret,20 c,secret,3.5
} >canaries.csv
prime attack exposure canaries.csv | cut -d, -f1-5
prime attack exposure canaries.csv | awk -F, 'NR > 1 { print $1, ($6 > 1) }'
printf 'record,role,loss,group\na,secret,1,x\nb,secret,1,y\nc,reference,2,x\nd,reference,0.5,y\n' | prime attack exposure -
fails() { prime attack exposure - && echo "no failure: $*"; echo "exit $?"; }
printf 'record,role,loss\na,secret,1\n' | fails
printf 'record,role,loss\na,canary,1\n' | fails
printf 'record,role,loss\na,secret,x\n' | fails
printf 'record,role,loss\n' | fails
printf 'record,loss\na,1\n' | fails
rm canaries.csv
