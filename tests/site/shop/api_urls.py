from django.urls import path
from shop.api import Answers, Broken

urlpatterns = [path("api/", Broken.as_view()), path("answers/", Answers.as_view())]
