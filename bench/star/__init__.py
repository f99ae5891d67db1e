"""STAR: on real human dialogues, how often is the student's next move the one that the human agent made?"""
