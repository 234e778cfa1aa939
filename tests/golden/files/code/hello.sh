echo "hello from rank $RANK of $WORLD_SIZE"
echo "trouble" >&2
