"""Operations on a layer, each checked against what it was meant to do."""
