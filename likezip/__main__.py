from likezip.cli import main

main()
