"cat" "dog"
"x" 2 1
"y" 0 3
