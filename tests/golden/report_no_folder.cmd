prime report nowhere
