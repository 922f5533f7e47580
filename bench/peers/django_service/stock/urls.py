from __future__ import annotations

from django.urls import path

from stock.views import BlocksView, ConvertView, ProductsView, ProductView, ReserveView, SalesView

urlpatterns = [
    path("products", ProductsView.as_view()),
    path("products/<int:pk>", ProductView.as_view()),
    path("products/<int:pk>/reserve", ReserveView.as_view()),
    path("products/<int:pk>/blocks", BlocksView.as_view()),
    path("blocks/<uuid:block_id>/convert", ConvertView.as_view()),
    path("sales", SalesView.as_view()),
]
