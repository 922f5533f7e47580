"""The views of the workloads. A view that changes stock locks its row first."""

from __future__ import annotations

import datetime
import uuid
from decimal import ROUND_HALF_UP, Decimal

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import generics, status
from rest_framework.exceptions import APIException
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from stock.models import Block, CostLayer, Movement, Product, Sale, Stock
from stock.serializers import (
    BlockSerializer,
    ConvertedSerializer,
    ProductSerializer,
    ReserveSerializer,
    SaleSerializer,
)

BLOCK_DURATION = datetime.timedelta(minutes=15)
MILL = Decimal("0.001")


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class Pagination(PageNumberPagination):
    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100


def lock_stock(product_id: int) -> Stock:
    return get_object_or_404(Stock.objects.select_for_update(), pk=product_id)


def require_available(stock: Stock, quantity: Decimal) -> None:
    if stock.available < quantity:
        raise Conflict(f"Only {stock.available} available.")


def change(
    stock: Stock,
    kind: str,
    *,
    on_hand: Decimal = Decimal(0),
    reserved: Decimal = Decimal(0),
    blocked: Decimal = Decimal(0),
    cost: Decimal | None = None,
) -> None:
    """Change the balances of a locked stock, and write the movement."""
    Movement.objects.create(
        product_id=stock.pk,
        kind=kind,
        on_hand_before=stock.on_hand,
        on_hand_after=stock.on_hand + on_hand,
        reserved_before=stock.reserved,
        reserved_after=stock.reserved + reserved,
        blocked_before=stock.blocked,
        blocked_after=stock.blocked + blocked,
        cost=cost,
        actor="anonymous",
    )
    stock.on_hand += on_hand
    stock.reserved += reserved
    stock.blocked += blocked
    stock.save(update_fields=["on_hand", "reserved", "blocked", "updated_at"])


def take_layers(product_id: int, quantity: Decimal) -> Decimal:
    """Use up cost layers in FIFO order, and return the cost of the units."""
    cost, left = Decimal(0), quantity
    layers = CostLayer.objects.select_for_update().filter(product_id=product_id, remaining__gt=0).order_by("id")
    for layer in layers:
        taken = min(layer.remaining, left)
        layer.remaining -= taken
        layer.save(update_fields=["remaining"])
        cost += taken * layer.unit_cost
        left -= taken
        if not left:
            break
    return cost.quantize(MILL, ROUND_HALF_UP)


class ProductView(generics.RetrieveAPIView):
    queryset = Product.objects.with_stock_and_price()
    serializer_class = ProductSerializer


class ProductsView(generics.ListAPIView):
    queryset = Product.objects.with_stock_and_price().order_by("id")
    serializer_class = ProductSerializer
    pagination_class = Pagination


class ReserveView(APIView):
    @transaction.atomic
    def post(self, request: Request, pk: int) -> Response:
        serializer = ReserveSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        amount = serializer.validated_data["amount"]
        stock = lock_stock(pk)
        require_available(stock, amount)
        change(stock, "reserve", reserved=amount)
        return Response(status=status.HTTP_204_NO_CONTENT)


class BlocksView(APIView):
    @transaction.atomic
    def post(self, request: Request, pk: int) -> Response:
        serializer = BlockSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        quantity = serializer.validated_data["quantity"]
        stock = lock_stock(pk)
        require_available(stock, quantity)
        change(stock, "block", blocked=quantity)
        now = timezone.now()
        block = serializer.save(product_id=pk, status="active", created_at=now, expires_at=now + BLOCK_DURATION)
        return Response(BlockSerializer(block).data, status=status.HTTP_201_CREATED)


class ConvertView(APIView):
    @transaction.atomic
    def post(self, request: Request, block_id: uuid.UUID) -> Response:
        block = get_object_or_404(Block.objects.select_for_update(), pk=block_id)
        now = timezone.now()
        if block.status != "active" or block.expires_at <= now:
            raise Conflict("Block is over.")
        stock = lock_stock(block.product_id)
        cost = take_layers(block.product_id, block.quantity)
        change(stock, "convert", on_hand=-block.quantity, blocked=-block.quantity, cost=cost)
        block.status, block.ended_at = "converted", now
        block.save(update_fields=["status", "ended_at"])
        return Response(ConvertedSerializer(block).data)


class SalesView(APIView):
    @transaction.atomic
    def post(self, request: Request) -> Response:
        serializer = SaleSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        stock = lock_stock(asked["product_id"])
        require_available(stock, asked["quantity"])
        cost = take_layers(asked["product_id"], asked["quantity"])
        change(stock, "sale", on_hand=-asked["quantity"], cost=cost)
        revenue = (asked["quantity"] * asked["unit_price"]).quantize(MILL, ROUND_HALF_UP)
        sale: Sale = serializer.save(revenue=revenue, cost=cost)
        return Response(SaleSerializer(sale).data, status=status.HTTP_201_CREATED)
