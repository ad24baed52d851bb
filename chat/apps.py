from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = "Chat"

    def ready(self) -> None:
        from chat.actions import dispatch, waker

        waker.connect(dispatch.WhenWoken())
