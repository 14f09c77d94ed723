"""LoRA fine-tuning: the trainer, one fit in each process, and the processes that it is spread over."""
