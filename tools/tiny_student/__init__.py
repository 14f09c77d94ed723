"""Makes the small student checkpoint that ships with the plugin `harness_qwen_lora`, from nothing.

Nothing here is imported by the harness or by its plugins; `python -m tools.tiny_student` runs it.
"""
