class FaultProxy:
    def __init__(self, fake):
        pass

    def stop(self):
        pass
