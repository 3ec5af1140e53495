prime report
