"""Strategies to and from elsewhere: playbooks, our own JSONL, Agent Skills, fine-tuning examples, plain lists."""
